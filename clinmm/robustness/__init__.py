"""What becomes of the answers when an input fails: it is dropped, or it is another patient's.

`changed.py` asks a fold's models again, `curves.py` says how the AUROC falls with the share of
patients concerned. Nothing is trained for it, and only test patients are asked.
"""
