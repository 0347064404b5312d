"""`python -m rookery_local`: the process behind `rookery up`."""

import signal
import sys

# Until the suite takes the signals over, Ctrl-C ends this process silently: nothing has been started.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from rookery_local.options import parse  # noqa: E402
from rookery_local.up import run  # noqa: E402

if __name__ == "__main__":
    sys.exit(run(parse(sys.argv[1:])))
