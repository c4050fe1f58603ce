"""analyze model: the sheet of a recipe's model before it is trained."""
from pathlib import Path

from core_scripts import log
from core_scripts.analysis.model_sheet import ModelCost, read_sheet
from core_scripts.analysis.step_cost import Bench, count_multiply_adds, measure_speed, measure_step
from core_scripts.config_parse.config_parse import ProjectConfig, Resolved
from core_scripts.config_parse.project_data import read_corpora
from core_scripts.errors import ConfigError
from core_scripts.flow import Stage, make_synthetic_corpus, set_stage
from core_scripts.nn_manager.model_base import ModelBase
from core_scripts.op_manager.op_manager import OptimizerWrapper
from core_scripts.other_tools.list_tools import read_list
from core_scripts.run_folder import RunFolder

_USUAL_CROP = 8000  # samples, where the recipe cuts none


def analyze_model(resolved: Resolved, folder: RunFolder) -> None:
    """Print the sheet of a model with fresh weights; of the data, the list of speakers is all that it needs."""
    stage = set_stage(resolved, folder)
    make_synthetic_corpus(stage, ("trn",))
    model = fresh_model(stage)
    geometry = model.describe_geometry(stage.conf) if isinstance(model, ModelBase) else {}
    cost = ModelCost()
    if isinstance(model, ModelBase) and model.takes_batch:
        cost = measure_cost(stage, model, measured=stage.args.analyze_measure)
    elif stage.args.analyze_measure:
        log.warn("--measure is for models that take batches; this one is only counted")
    sheet = read_sheet(model, geometry, vars(stage.conf).get("wav_samp_rate"), cost)
    log.say(sheet.to_json() if stage.args.json else str(sheet))


def fresh_model(stage: Stage) -> ModelBase:
    """The recipe's Model, and its dimensions those of the configuration."""
    dims = [sum(vars(stage.conf)[f"{side}_dims"]) for side in ("input", "output")]
    return stage.recipe.Model(*dims, stage.args, stage.conf, None)


def measure_cost(stage: Stage, model: ModelBase, *, measured: bool) -> ModelCost:
    """Multiplications, and if `measured` a training step and generation too: seconds, and the weights are spoilt."""
    bench = Bench(model.to(stage.device), stage.conf, stage.recipe.Loss(stage.args), stage.device,
                  listed_names(stage.conf))
    counted = count_multiply_adds(bench)
    if not measured:
        return ModelCost(counted)
    speed = measure_speed(bench, vars(stage.conf).get("wav_samp_rate"))
    crop = vars(stage.conf).get("truncate_seq") or _USUAL_CROP
    step = measure_step(bench, OptimizerWrapper(model, stage.args).optimizer, crop, stage.args.batch_size)
    return ModelCost(counted, step, speed)


def listed_names(conf: ProjectConfig) -> tuple[str, ...]:
    """The first names of the training list, whose speakers a model may want to know."""
    corpora = read_corpora(conf, "trn")
    if not corpora:
        raise ConfigError(f"{conf.path} gives no trn_list, which tells the shape of a batch; name one list per corpus")
    source = corpora[0].list_source
    names = read_list(source) if isinstance(source, Path) else list(source or ())
    return tuple(names[:16]) or ("noise",)
