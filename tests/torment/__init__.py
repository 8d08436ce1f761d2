"""The tormentors of tests/chaos. One module each, with

    DOES              what it does, a line
    arguments(parser) adds its options; options.full is there already
    run(options)      returns a Tally; prints a line for each part that is done

and a name in NAMES. What is right in the end is asked of torment.oracle, by all of them.
"""

NAMES = ["points", "kills", "power", "faults", "wire", "late", "unsaid", "model", "twoway", "attacks", "fuzz",
         "live", "laptop", "broken"]
