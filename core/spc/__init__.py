"""Statistical process control on arrays: charts, rules, run lengths, phases, seasons and change points.

Every chart takes arrays whose last axis is time, so that one call draws one series or ten thousand, and gives a
`core.spc.chart.ControlChart`. Rules are read off its score (`core.spc.rules`), EWMA and CUSUM run on its score or on
values; `core.spc.design` says how often each signals by chance, and how late otherwise.
"""
