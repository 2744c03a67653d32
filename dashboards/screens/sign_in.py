"""Name and password, where the reading room asks for them."""

from dashboards import seat

seat.sign_in()
