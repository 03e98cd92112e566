"""How a softmax is told what it must not look at."""

FORBIDDEN = -1e9  # a score no exponential notices; not -inf, whose gradient is NaN
