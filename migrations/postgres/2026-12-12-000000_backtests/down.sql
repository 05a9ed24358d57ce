DROP TABLE best_figures;
