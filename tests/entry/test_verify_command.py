"""python main.py verify: a table, the same as JSON, and an exit code."""
import json

from core_scripts.evaluation import engine_check


def test_a_trained_run_is_verified(trained):
    answer = trained.run("verify", "--check-samples", "300")
    assert answer.code == 0, answer.err
    assert "1 utterances, the first 300 samples of each" in answer.out and "ok   naive against eager" in answer.out
    assert "FAIL" not in answer.out
    answer = trained.run("verify", "--check-samples", "9000", "--check-utterances", "7", "--json")
    told = json.loads(answer.out.splitlines()[-1])
    assert told["samples"] == 2000 and told["utterances"] == ["dd"]
    assert all(check["passed"] for check in told["checks"])


def test_a_check_that_fails_is_the_exit_code(trained, monkeypatch):
    monkeypatch.setattr(engine_check, "RELATIVE_BOUND", 0.0)
    answer = trained.run("verify", "--check-samples", "100")
    assert answer.code == 1 and "checks failed: naive against eager" in answer.errors[0]
    assert "--engine eager" in answer.errors[0]


def test_there_is_nothing_to_verify_without_a_run_or_with_nothing_to_compare(desk):
    answer = desk.run("verify")
    assert answer.code == 4 and "no run in" in answer.errors[0]
    answer = desk.run("verify", "--check-samples", "0")
    assert answer.code == 2 and "must be at least 1" in answer.errors[0]
