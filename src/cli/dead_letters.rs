//! `hams-agent dead-letters`: what could never be applied, listed, shown, sent again, or let go.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::agent_args::{DeadLettersCommand, LettersAt, Which};
use super::screen::Screen;
use super::show_letters::{lines, list_json, page, page_json};
use crate::agent::{LettersSettingsError, letters_settings};
use crate::sync::letters::{carry_out, list};
use crate::sync::{
    Choice, ChoiceError, Done, LetterId, LettersError, LettersSettings, Listed, Listing, Settlement,
};

/// Letters that are shown before the question whether they are to go.
const MAX_SHOWN: usize = 20;

/// Why a command did not end with 0.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(
        "there is no terminal to ask on, and no `--yes`\nhint: look at `hams-agent dead-letters list`, then run with `--yes`"
    )]
    CannotAsk,
    #[error("cannot read the answer: {0}")]
    Answer(std::io::Error),
    #[error(transparent)]
    Settings(#[from] LettersSettingsError),
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    #[error(transparent)]
    Letters(#[from] LettersError),
    #[error("{not_done} of {meant} dead letters: not done")]
    Partly { not_done: usize, meant: usize },
    #[error("nothing was dropped")]
    Declined,
}

impl Failure {
    /// The exit code (`agent_args::DEAD_LETTERS_EXIT`).
    fn code(&self) -> u8 {
        match self {
            Self::CannotAsk | Self::Answer(_) | Self::Settings(_) | Self::Choice(_) => 2,
            Self::Letters(error) if error.is_configuration() => 2,
            Self::Letters(_) | Self::Partly { .. } | Self::Declined => 1,
        }
    }
}

/// Does it, and returns the exit code.
pub async fn dead_letters(command: &DeadLettersCommand) -> u8 {
    let screen = Screen::new();
    let ended = match command {
        DeadLettersCommand::List { json, at } => show_all(screen, at, *json).await,
        DeadLettersCommand::Show { id, json, at } => show_one(screen, at, id, *json).await,
        DeadLettersCommand::Replay { which, at } => settle(screen, at, which, Settlement::Replay, true).await,
        DeadLettersCommand::Drop { which, yes, at } => {
            settle(screen, at, which, Settlement::Drop, *yes).await
        }
    };
    match ended {
        Ok(()) => 0,
        Err(Failure::Declined) => {
            screen.say(&Failure::Declined.to_string());
            Failure::Declined.code()
        }
        Err(failure) => {
            screen.error(&failure.to_string());
            failure.code()
        }
    }
}

async fn show_all(screen: Screen, at: &LettersAt, json: bool) -> Result<(), Failure> {
    let listing = list(&settings(at)?, |_| false).await?;
    if json {
        screen.data(&list_json(listing.listed()));
    } else {
        screen.data(&lines(&listing.listed().iter().collect::<Vec<_>>(), SystemTime::now()));
    }
    if listing.count() == 0 {
        screen.say("no dead letters");
    }
    Ok(())
}

async fn show_one(screen: Screen, at: &LettersAt, id: &str, json: bool) -> Result<(), Failure> {
    let listing = list(&settings(at)?, |known| known.begins_with(id)).await?;
    for listed in listing.choose(&Choice::Ids(vec![id.to_owned()]))? {
        screen.data(&if json { page_json(listed) } else { page(listed) });
    }
    Ok(())
}

/// Replays or drops. Between the look and the deed nobody holds a letter, so that a question may take its time.
async fn settle(
    screen: Screen,
    at: &LettersAt,
    which: &Which,
    fate: Settlement,
    yes: bool,
) -> Result<(), Failure> {
    if !yes && !screen.can_ask() {
        return Err(Failure::CannotAsk);
    }
    let settings = settings(at)?;
    let choice = match which.all {
        true => Choice::All { reason: which.reason.clone() },
        false => Choice::Ids(which.ids.clone()),
    };
    let listing = list(&settings, |_| false).await?;
    let chosen = listing.choose(&choice)?;
    if chosen.is_empty() {
        screen.say(&match &which.reason {
            Some(reason) => format!("no dead letters with the reason {reason}"),
            None => "no dead letters".to_owned(),
        });
        return Ok(());
    }
    if !yes && !agrees(screen, &chosen)? {
        return Err(Failure::Declined);
    }
    let mut done = BTreeMap::new();
    let ended = act(&settings, fate, &listing, &chosen, &mut done).await;
    // Also of a deed that was cut short: it says what was done up to there.
    screen.data(&report(&chosen, &done));
    ended?;
    let meant: usize = chosen.iter().map(|listed| listed.count).sum();
    let is_over = |done: &Done| matches!(done, Done::Replayed | Done::Dropped);
    let over: usize = done.iter().filter(|((_, done), _)| is_over(done)).map(|(_, count)| count).sum();
    if over < meant { Err(Failure::Partly { not_done: meant - over, meant }) } else { Ok(()) }
}

/// How many letters of an id became what.
type Tally = BTreeMap<(LetterId, Done), usize>;

async fn act(
    settings: &LettersSettings,
    fate: Settlement,
    listing: &Listing,
    chosen: &[&Listed],
    done: &mut Tally,
) -> Result<(), LettersError> {
    let tell = |id: &LetterId, what| *done.entry((id.clone(), what)).or_default() += 1;
    carry_out(settings, fate, chosen, listing.count(), tell).await
}

fn agrees(screen: Screen, chosen: &[&Listed]) -> Result<bool, Failure> {
    let shown = &chosen[..chosen.len().min(MAX_SHOWN)];
    screen.say(lines(shown, SystemTime::now()).trim_end());
    if shown.len() < chosen.len() {
        screen.say(&format!("… and {} more", chosen.len() - shown.len()));
    }
    let count: usize = chosen.iter().map(|listed| listed.count).sum();
    screen.confirm(&format!("Drop these {count} dead letters for good?")).map_err(Failure::Answer)
}

/// A line for each id and what became of it.
fn report(chosen: &[&Listed], tally: &Tally) -> String {
    let mut out = String::new();
    for listed in chosen {
        let id = &listed.letter.id;
        for ((_, done), count) in tally.iter().filter(|((known, _), _)| known == id) {
            let words = match done {
                Done::Replayed => "replayed",
                Done::Dropped => "dropped",
                Done::Refused => "stays: the queue of events does not take it, as it is full",
                Done::Unroutable => "stays: there is no queue of events, `sudo hams-install` makes it",
                Done::Missing => "not there any more: somebody else has taken it, or is looking at it",
            };
            out.push_str(&format!("{id}  {count}x  {words}\n"));
        }
    }
    out
}

fn settings(at: &LettersAt) -> Result<LettersSettings, Failure> {
    Ok(letters_settings(&at.config, &at.credentials)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::Letter;

    #[test]
    fn the_report_follows_the_queue() {
        let listed = |body: &[u8]| Listed { letter: Letter::new(None, body.to_vec()), count: 3 };
        let (first, second, third) = (listed(b"1"), listed(b"2"), listed(b"3"));
        let id = |listed: &Listed| listed.letter.id.clone();
        let tally = Tally::from([
            ((id(&second), Done::Replayed), 1),
            ((id(&second), Done::Refused), 2),
            ((id(&first), Done::Replayed), 3),
        ]);
        let text = report(&[&first, &second, &third], &tally);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert_eq!(lines[0], format!("{}  3x  replayed", id(&first)));
        assert_eq!(lines[1], format!("{}  1x  replayed", id(&second)));
        assert!(lines[2].starts_with(&format!("{}  2x  stays: ", id(&second))), "{text}");
    }

    #[test]
    fn what_helps_nothing_to_do_again_ends_with_2() {
        assert_eq!(Failure::from(ChoiceError::Unknown("1f".into())).code(), 2);
        let (address, queue) = ("mq:5672".to_owned(), "q".to_owned());
        assert_eq!(Failure::from(LettersError::NoQueue { address: address.clone(), queue }).code(), 2);
        assert_eq!(Failure::from(LettersError::Silent { address }).code(), 1);
        assert_eq!(Failure::Partly { not_done: 1, meant: 2 }.code(), 1);
    }
}
