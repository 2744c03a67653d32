"""What several encoders share: pictures, windows of notes, pooling, weights, projections."""
