"""The two colours of the notebooks' plots, told apart by everyone (Okabe and Ito, 2008)."""

BLUE, ORANGE = "#0072B2", "#E69F00"
