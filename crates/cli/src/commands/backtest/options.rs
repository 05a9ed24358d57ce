use crate::args::Backtest;
use crate::failure::Usage;

/// An option, whether it was given, and what to do in its place where it does not belong.
type Given = (&'static str, bool, &'static str);

/// Refuses what belongs to another kind of backtest. Clap's `requires` says nothing here: it is
/// waived for an option that could not be given beside those that are.
pub fn check(backtest: &Backtest) -> Result<(), Usage> {
    let given = |options: &[Given]| options.iter().find(|option| option.1).copied();
    let (local, fleet) = (backtest.local.is_some(), backtest.strategy.is_some());
    if let Some((name, _, remedy)) = given(&of_fleet(backtest)).filter(|_| !fleet) {
        let home = "belongs to a backtest on the fleet (alphafleet backtest STRATEGY)";
        return Err(refusal(name, home, (local, "with --local", remedy)));
    }
    if let Some((name, _, remedy)) = given(&of_local(backtest)).filter(|_| !local) {
        return Err(refusal(name, "belongs to --local", (fleet, "on the fleet", remedy)));
    }
    Ok(())
}

fn refusal(name: &str, home: &str, (runs, place, remedy): (bool, &str, &str)) -> Usage {
    match runs {
        true => Usage(format!("{name} {home}; {place}, {remedy}")),
        false => Usage(format!("{name} {home}; a template is printed as it is: leave it out")),
    }
}

fn of_fleet(backtest: &Backtest) -> [Given; 6] {
    [
        ("--capital", backtest.capital.is_some(), "write capital into the plan"),
        ("--benchmark", backtest.benchmark.is_some(), "write benchmark into the plan"),
        ("--session", !backtest.sessions.is_empty(), "give a file of scores with --signals"),
        ("--set", !backtest.parameters.is_empty(), "write the field into the plan"),
        ("--watch", backtest.watch, "leave it out: the run is shown until it ends"),
        ("--idempotency-key", backtest.idempotency_key.is_some(), "leave it out"),
    ]
}

fn of_local(backtest: &Backtest) -> [Given; 7] {
    [
        ("--data", !backtest.data.is_empty(), "name a dataset: --set dataset=NAME"),
        ("--adjustment", backtest.adjustment.is_some(), "say --set adjustment=backward"),
        ("--members", backtest.members.is_some(), "say --set universe.members=FIELD"),
        ("--signals", backtest.signals.is_some(), "name the training that scores: --session ID"),
        (
            "--actions",
            backtest.actions.is_some(),
            "prices are adjusted by the dataset's factor: --set adjustment=backward",
        ),
        (
            "--groups",
            backtest.groups.is_some(),
            "gains are attributed to the codes in the dataset's field sector, industry, \
             subindustry or group",
        ),
        (
            "--out",
            backtest.out.is_some(),
            "fetch the files once it has ended: alphafleet session report ID --out DIR",
        ),
    ]
}
