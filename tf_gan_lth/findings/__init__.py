"""Scores and costs of a run as rows, compared with the dense GAN, and the verdict. Reads files."""

from tf_gan_lth.findings.columns import Column, columns, line, rows, table
from tf_gan_lth.findings.comparison import Comparison, comparison_table
from tf_gan_lth.findings.judging import judge_run
from tf_gan_lth.findings.looks import Plan
from tf_gan_lth.findings.results import Result, read_results
from tf_gan_lth.findings.results_file import write_results
from tf_gan_lth.findings.verdict import Verdict, judge

__all__ = [
    "Column",
    "Comparison",
    "Plan",
    "Result",
    "Verdict",
    "columns",
    "comparison_table",
    "judge",
    "judge_run",
    "line",
    "read_results",
    "rows",
    "table",
    "write_results",
]
