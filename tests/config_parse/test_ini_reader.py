"""The reader of ini files."""
import pytest

from core_scripts.config_parse.config_parse import ConfigParse
from core_scripts.errors import ConfigError


def test_ini_reader_finds_keywords_by_type_and_section(tmp_path):
    path = tmp_path / "a.ini"
    path.write_text("[x]\nn = 3\nflag = yes\n[y]\nn = 4.5\nword = some text\n")
    reader = ConfigParse(path)
    assert reader.f_retrieve("n", config_type="int") == 3
    assert reader.f_retrieve("n", "y", "float") == 4.5
    assert reader.f_retrieve("flag", "x", "bool") is True
    assert reader.f_retrieve("word") == "some text"


def test_ini_reader_tells_what_is_wrong(tmp_path):
    path = tmp_path / "a.ini"
    path.write_text("[x]\nword = some text\n")
    with pytest.raises(ConfigError, match=r"has no key wrd; did you mean word\?"):
        ConfigParse(path).f_retrieve("wrd")
    with pytest.raises(ConfigError, match="word in .*a.ini: invalid literal for int"):
        ConfigParse(path).f_retrieve("word", config_type="int")
    with pytest.raises(ConfigError, match=r"b.ini not found; did you mean a.ini\?"):
        ConfigParse(tmp_path / "b.ini")
