-- The best figures of a strategy's backtests out of sample, and which of them had them.
CREATE TABLE best_figures (
    strategy UUID NOT NULL REFERENCES strategies (id),
    figure TEXT NOT NULL CHECK (figure IN ('return', 'sharpe')),
    value DOUBLE PRECISION NOT NULL,
    session UUID NOT NULL REFERENCES jobs (id),
    starts TIMESTAMP NOT NULL,
    ends TIMESTAMP NOT NULL,
    PRIMARY KEY (strategy, figure)
);
