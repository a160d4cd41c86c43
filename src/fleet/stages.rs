//! In which order tenants are applied: a few first, then more and more.

use std::time::Duration;

use crate::name::TenantId;

/// Who goes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canary {
    /// So many.
    Count(usize),
    /// These.
    Tenants(Vec<TenantId>),
}

/// Up to how many tenants are done when a wave ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wave {
    Count(usize),
    /// Of all that have something to do, 0 to 100.
    Percent(f64),
}

/// The order of a run. Between two stages there is a pause, and a command may say no.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    pub canary: Option<Canary>,
    pub waves: Vec<Wave>,
    pub pause: Duration,
    /// A command line for the shell; if it fails, the run ends.
    pub health: Option<String>,
}

impl std::str::FromStr for Canary {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // An id may be all digits; who means one so short writes it with a comma.
        if text.len() < 6
            && let Ok(count) = text.parse()
        {
            return Ok(Self::Count(count));
        }
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        let ids: Result<Vec<TenantId>, _> = ids.map(TenantId::new).collect();
        ids.map(Self::Tenants).map_err(|error| error.to_string())
    }
}

impl std::str::FromStr for Wave {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is neither a number of tenants nor a share such as 10%");
        match text.trim().strip_suffix('%') {
            Some(share) => match share.parse() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.trim().parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl Stages {
    /// Splits `tenants` into the stages of a run, by their positions. None is left out: what the
    /// last wave does not reach is a stage of its own.
    #[must_use]
    pub fn of(&self, tenants: &[&TenantId]) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..tenants.len()).collect();
        let mut ends = Vec::new();
        match &self.canary {
            Some(Canary::Count(count)) => ends.push(*count),
            Some(Canary::Tenants(ids)) => {
                let is_canary = |at: &usize| tenants.get(*at).is_some_and(|id| ids.contains(id));
                let (first, rest): (Vec<usize>, Vec<usize>) =
                    order.into_iter().partition(is_canary);
                ends.push(first.len());
                order = [first, rest].concat();
            }
            None => {}
        }
        ends.extend(self.waves.iter().map(|wave| match wave {
            Wave::Count(count) => *count,
            Wave::Percent(percent) => share(*percent, tenants.len()),
        }));
        ends.push(tenants.len());
        let mut stages = Vec::new();
        let mut start = 0;
        for end in ends {
            if let Some(stage) = order.get(start..end.min(tenants.len()))
                && !stage.is_empty()
            {
                stages.push(stage.to_vec());
                start += stage.len();
            }
        }
        stages
    }
}

/// At least one, if it is a share at all.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a number of tenants, rounded up"
)]
fn share(percent: f64, of: usize) -> usize {
    (percent / 100.0 * of as f64).ceil() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_cover_all_tenants_once() {
        let ids: Vec<TenantId> =
            (0..10).map(|n| TenantId::new(&format!("t{n}")).unwrap()).collect();
        let ids: Vec<&TenantId> = ids.iter().collect();
        let stages = |canary: Option<&str>, waves: &[&str]| {
            let stages = Stages {
                canary: canary.map(|text| text.parse().unwrap()),
                waves: waves.iter().map(|wave| wave.parse().unwrap()).collect(),
                ..Stages::default()
            };
            stages.of(&ids).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(stages(None, &[]), [10]);
        assert_eq!(stages(Some("2"), &["50%", "100%"]), [2, 3, 5]);
        assert_eq!(stages(None, &["1%", "10%", "30%"]), [1, 2, 7]);
        assert_eq!(stages(Some("20"), &["5"]), [10]);
        assert_eq!(stages(Some("t9,t3"), &[]), [2, 8]);
        let stages = Stages { canary: Some("t9,t3".parse().unwrap()), ..Stages::default() };
        assert_eq!(stages.of(&ids).first(), Some(&vec![3, 9]));
        assert!("101%".parse::<Wave>().is_err() && "x".parse::<Wave>().is_err());
        assert!(stages.of(&[]).is_empty());
    }
}
