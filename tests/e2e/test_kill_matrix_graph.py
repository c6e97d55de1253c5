"""The matrix of test_kill_matrix for a job that is a graph: each sink has exactly its records, whoever dies at whichever step."""

import unittest

import test_kill_matrix


class KillMatrixOfAGraph(test_kill_matrix.KillMatrix):
    CELL = test_kill_matrix.GraphCell


if __name__ == "__main__":
    unittest.main()
