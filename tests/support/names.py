# SPDX-License-Identifier: PostgreSQL
"""names.py: a proxy whose servers have names under .test, and a name server that can be made not to answer."""
import contextlib
import os
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "resolver.c")


class Names:
    """blue.test and green.test for a Teal of the pair: Teal(pair, **names.settings())."""

    def __init__(self, pair):
        self.library, self.silence = os.path.join(pair.work, "resolver.so"), os.path.join(pair.work, "no-name-server")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", self.library, SOURCE, "-ldl"], check=True)

    def settings(self):
        return {"blue": {"host": "blue.test"}, "green": {"host": "green.test"},
                "env": {"LD_PRELOAD": self.library, "TEAL_RESOLVER_FILE": self.silence}}

    @contextlib.contextmanager
    def silent(self):
        """No name is resolved meanwhile; who asks waits."""
        open(self.silence, "w").close()
        try:
            yield
        finally:
            os.unlink(self.silence)
