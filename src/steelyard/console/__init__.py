"""The control plane: one Django project, a folder for each room, over the same store as the command line.

No rule lives in a view: views ask `gates`, `intake`, `evidence` and the read models, and every change of state is a
decision or a statement whose ledger row is written in the same transaction.
"""
