"""docs/GEOMETRY.md is run: every result printed in it is computed again and compared."""
import doctest
import re
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "GEOMETRY.md"


def test_every_number_in_the_document_is_what_the_code_answers():
    blocks = re.findall(r"^```python\n(.*?)^```$", DOC.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, DOC.name, str(DOC), 0)
    report = []
    outcome = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF).run(test, out=report.append)
    assert outcome.failed == 0, "".join(report)
    assert outcome.attempted >= 40
