import streamlit as st

st.title("Being built", anchor=False)
