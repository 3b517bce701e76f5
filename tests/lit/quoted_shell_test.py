"""lit's shell tests, with the paths in RUN lines quoted: the source folder may have spaces in its name.

A module of its own, because lit's worker processes must be able to import it.
"""

import os

import lit.formats
import lit.TestRunner


class QuotedShellTest(lit.formats.ShTest):
    def execute(self, test, lit_config):
        source = test.getSourcePath()
        scratch = lit.TestRunner.getTempPaths(test)[1] + ".tmp"
        paths = [(r"%s\b", source), (r"%S\b", os.path.dirname(source)), (r"%t\b", scratch)]
        quoted = [(name, f'"{path}"') for name, path in paths]
        return lit.TestRunner.executeShTest(test, lit_config, self.execute_external, quoted)
