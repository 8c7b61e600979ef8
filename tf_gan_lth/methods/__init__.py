"""The lottery: rounds, rewinding, branches, verdict. The only folder that knows all the parts below
it.

Read `ticket.py` first: it is the paper's algorithm.
"""

from tf_gan_lth.lottery import parts, rescoring, transfer
from tf_gan_lth.findings.comparison import comparison_table
from tf_gan_lth.methods.bench import Laboratory
from tf_gan_lth.findings.results import Result, read_results, table
from tf_gan_lth.methods.imp import find_ticket
from tf_gan_lth.findings.verdict import Verdict, judge, judge_run, write_results

__all__ = [
    "Laboratory",
    "Result",
    "Verdict",
    "comparison_table",
    "find_ticket",
    "judge",
    "judge_run",
    "parts",
    "read_results",
    "rescoring",
    "table",
    "transfer",
    "write_results",
]
