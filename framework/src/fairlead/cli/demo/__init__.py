"""`fairlead demo`: a bot over 1,000 real trades, killed in the middle, resumed, and checked from outside.

Three processes take part: the paper venue with a file of its own, which outlives the kernel; the kernel
with the bot, which is killed; and the one that starts, kills and judges them. At the end a checker that
imports nothing of Fairlead reads both files.
"""
