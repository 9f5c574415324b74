"""Which model needs me now?"""

import streamlit as st

from core.measure import Status
from dashboard import cached
from dashboard.components.frame import no_model
from dashboard.text import chip

rows = cached.fleet()
st.title("Fleet", anchor=False)
if not rows:
    no_model()
for row in rows:
    st.markdown(chip(row.status if row.summary else Status.UNDEFINED))
