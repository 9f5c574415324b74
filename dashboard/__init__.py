"""The Streamlit dashboard: it asks services and shows what they answer."""
