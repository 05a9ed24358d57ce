-- The best figures of a strategy's backtests out of sample, and which of them had them.
CREATE TABLE best_figures (
    strategy BLOB NOT NULL REFERENCES strategies (id),
    figure TEXT NOT NULL CHECK (figure IN ('return', 'sharpe')),
    value DOUBLE NOT NULL,
    session BLOB NOT NULL REFERENCES jobs (id),
    starts BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    PRIMARY KEY (strategy, figure)
);
