"""What the label can be told from that is no evidence: words, presence, acquisition."""
