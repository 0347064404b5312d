"""`python -m demo`: a real fleet, a real job, real kills; ends with a table and a verdict."""

import signal
import sys

# Until the run takes the signals over, Ctrl-C ends this process silently: nothing has been started.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from demo.options import parse  # noqa: E402
from demo.session import run_all  # noqa: E402

if __name__ == "__main__":
    sys.exit(run_all(parse(sys.argv[1:])))
