"""The reading room: a Streamlit app that draws what is in a run folder and computes nothing."""
