"""Groups that nobody named: proposed on half of the test patients, confirmed on the other half."""
