package floor
