//! In which order tenants are applied: a few first, then more and more.

use std::collections::HashSet;
use std::time::Duration;

use crate::name::TenantId;

/// The tenants that come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Canary {
    /// So many.
    Count(usize),
    /// These.
    Tenants(Vec<TenantId>),
}

/// How many tenants are done when a wave ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wave {
    Count(usize),
    /// Of all that have something to do, 0 to 100.
    Percent(f64),
}

/// Waves in order, each going further than the one before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Waves(Vec<Wave>);

/// The order of a run. Between two stages there is a pause, and a command may end the run.
#[derive(Debug, Clone, Default)]
pub struct Stages {
    pub canary: Option<Canary>,
    pub waves: Waves,
    pub pause: Duration,
    /// A command line for the shell; if it fails, the run ends.
    pub health: Option<String>,
}

/// Tenants that are done before those of the next stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub is_canary: bool,
    /// By their positions.
    pub tenants: Vec<usize>,
}

impl std::str::FromStr for Canary {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        // An id may be all digits; one as short as a count is written with a comma.
        if text.len() < 6
            && let Ok(count) = text.parse()
        {
            return if count > 0 {
                Ok(Self::Count(count))
            } else {
                Err("a canary is at least one tenant".into())
            };
        }
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        let ids: Result<Vec<TenantId>, _> = ids.map(TenantId::new).collect();
        match ids {
            Ok(ids) if ids.is_empty() => Err("no tenant is named".into()),
            Ok(ids) => Ok(Self::Tenants(ids)),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl std::str::FromStr for Wave {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let invalid = || format!("{text:?} is neither a number of tenants nor a share such as 10%");
        match text.strip_suffix('%') {
            Some(share) => match share.parse::<f64>().map_err(|_| invalid())? {
                percent if percent > 0.0 && percent <= 100.0 => Ok(Self::Percent(percent)),
                _ => Err(format!("{text:?} is not a share above 0% and up to 100%")),
            },
            None => match text.parse().map_err(|_| invalid())? {
                0 => Err("a wave that ends after 0 tenants does nothing".into()),
                count => Ok(Self::Count(count)),
            },
        }
    }
}

impl std::fmt::Display for Wave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl std::str::FromStr for Waves {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let waves: Vec<Wave> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        for (at, wave) in waves.iter().enumerate() {
            // Whether a number or a share is more depends on how many tenants there are.
            let before = waves.iter().take(at).rev().find(|before| match (before, wave) {
                (Wave::Count(before), Wave::Count(wave)) => before >= wave,
                (Wave::Percent(before), Wave::Percent(wave)) => before >= wave,
                _ => false,
            });
            if let Some(before) = before {
                return Err(format!(
                    "{wave} does not go beyond {before}: each wave says how many tenants are done \
                     when it ends, such as 1%,10%,100%"
                ));
            }
        }
        Ok(Self(waves))
    }
}

impl Stages {
    /// Splits `tenants` into the stages of a run. None is left out: what the last wave does not
    /// reach is a stage of its own. Stages without tenants are left out.
    #[must_use]
    pub fn of(&self, tenants: &[&TenantId]) -> Vec<Stage> {
        let mut order: Vec<usize> = (0..tenants.len()).collect();
        let mut ends = Vec::new();
        match &self.canary {
            Some(Canary::Count(count)) => ends.push((true, *count)),
            Some(Canary::Tenants(ids)) => {
                let is_canary = |at: &usize| tenants.get(*at).is_some_and(|id| ids.contains(id));
                let (first, rest): (Vec<usize>, Vec<usize>) =
                    order.into_iter().partition(is_canary);
                ends.push((true, first.len()));
                order = [first, rest].concat();
            }
            None => {}
        }
        ends.extend(self.waves.0.iter().map(|wave| match wave {
            Wave::Count(count) => (false, *count),
            Wave::Percent(percent) => (false, share(*percent, tenants.len())),
        }));
        ends.push((false, tenants.len()));
        let mut stages = Vec::new();
        let mut start = 0;
        for (is_canary, end) in ends {
            if let Some(tenants) = order.get(start..end.min(tenants.len()))
                && !tenants.is_empty()
            {
                stages.push(Stage { is_canary, tenants: tenants.to_vec() });
                start = end;
            }
        }
        stages
    }

    /// Canaries that are not among `tenants`.
    #[must_use]
    pub fn absent_canaries<'a>(&'a self, tenants: &[&TenantId]) -> Vec<&'a TenantId> {
        let Some(Canary::Tenants(ids)) = &self.canary else {
            return Vec::new();
        };
        let known: HashSet<&TenantId> = tenants.iter().copied().collect();
        ids.iter().filter(|id| !known.contains(id)).collect()
    }
}

/// At least one, unless the share or the number of tenants is zero.
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

    fn stages(canary: Option<&str>, waves: Option<&str>) -> Stages {
        Stages {
            canary: canary.map(|text| text.parse().unwrap()),
            waves: waves.map(|text| text.parse().unwrap()).unwrap_or_default(),
            ..Stages::default()
        }
    }

    #[test]
    fn stages_cover_all_tenants_once() {
        let ids: Vec<TenantId> =
            (0..10).map(|n| TenantId::new(&format!("t{n}")).unwrap()).collect();
        let ids: Vec<&TenantId> = ids.iter().collect();
        let sizes = |canary: Option<&str>, waves: Option<&str>| {
            let stages = stages(canary, waves).of(&ids);
            stages.iter().map(|stage| stage.tenants.len()).collect::<Vec<_>>()
        };
        assert_eq!(sizes(None, None), [10]);
        assert_eq!(sizes(Some("2"), Some("50%,100%")), [2, 3, 5]);
        assert_eq!(sizes(None, Some("1%, 10%, 30%")), [1, 2, 7]);
        assert_eq!(sizes(None, Some("10%")), [1, 9]);
        assert_eq!(sizes(Some("20"), Some("5")), [10]);
        assert_eq!(sizes(Some("t9,t3"), None), [2, 8]);
        let stages = stages(Some("t9,t3,t99"), None);
        let first = Stage { is_canary: true, tenants: vec![3, 9] };
        assert_eq!(stages.of(&ids).first(), Some(&first));
        assert!(stages.of(&[]).is_empty());
        let absent: Vec<&str> = stages.absent_canaries(&ids).iter().map(|id| id.as_str()).collect();
        assert_eq!(absent, ["t99"]);
    }

    #[test]
    fn waves_that_lead_nowhere_are_refused() {
        for text in ["0", "0%", "101%", "-1%", "NaN%", "inf%", "x", "", "1%,", "50%,10%", "5,5"] {
            let refused = text.parse::<Waves>();
            assert!(refused.is_err(), "{text}: {refused:?}");
        }
        assert_eq!("5,10%,20,100%".parse::<Waves>().unwrap().0.len(), 4);
        let reason = "1%,50%,10%".parse::<Waves>().unwrap_err();
        assert!(reason.starts_with("10% does not go beyond 50%"), "{reason}");
        for text in ["0", "", ",", "Not an id"] {
            assert!(text.parse::<Canary>().is_err(), "{text}");
        }
    }
}
