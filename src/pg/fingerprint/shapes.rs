//! What is known by the fingerprint of a schema: the model behind it, and the digests of its objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::checksum::Checksum;
use crate::memo::Memo;
use crate::touched::Touched;

/// The digests of objects of one schema, by kind and name as `objects.sql` and its like have them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects(BTreeMap<(String, String), Checksum>);

/// The kinds that share the name space of tables, and the kind that shares that of enums.
const RELATIONS: [&str; 3] = ["table", "relation", "sequence"];
const TYPE: &str = "type";

impl Objects {
    pub(super) fn new(digests: impl IntoIterator<Item = (String, String, Checksum)>) -> Self {
        Self(digests.into_iter().map(|(kind, name, digest)| ((kind, name), digest)).collect())
    }

    pub(super) fn add(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Those among `touched`: objects of any kind that have the name of one of these.
    #[must_use]
    pub fn among(&self, touched: &Touched) -> Self {
        let is_touched = |kind: &str, name: &str| {
            RELATIONS.contains(&kind) && touched.has_relation(name)
                || kind == TYPE && touched.has_type(name)
        };
        let all = self.0.iter().filter(|((kind, name), _)| is_touched(kind, name));
        Self(all.map(|(key, digest)| (key.clone(), *digest)).collect())
    }

    /// Whether nothing differs except what is `touched`.
    #[must_use]
    pub fn differ_only_in(&self, other: &Self, touched: &Touched) -> bool {
        let without = |all: &Self| {
            let touched = all.among(touched).0;
            let mut rest = all.0.clone();
            rest.retain(|key, _| !touched.contains_key(key));
            rest
        };
        without(self) == without(other)
    }

    /// Kind, name and digest of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, Checksum)> {
        self.0.iter().map(|((kind, name), digest)| (kind.as_str(), name.as_str(), *digest))
    }
}

/// What schemas with one fingerprint have in common.
#[derive(Debug, Clone)]
pub struct KnownShape {
    pub schema: Arc<Catalog>,
    pub objects: Arc<Objects>,
}

/// The shapes of the schemas of one server: one whose fingerprint is known need not be read again.
#[derive(Debug, Default)]
pub struct Shapes(Memo<KnownShape>);

impl Shapes {
    /// What schemas with this fingerprint have in common, if one was read before.
    #[must_use]
    pub fn get(&self, fingerprint: Checksum) -> Option<KnownShape> {
        self.0.get(fingerprint)
    }

    pub(in crate::pg) fn insert(
        &self,
        fingerprint: Checksum,
        schema: Catalog,
        objects: Objects,
    ) -> Arc<Catalog> {
        let schema = Arc::new(schema);
        let known = KnownShape { schema: Arc::clone(&schema), objects: Arc::new(objects) };
        self.0.insert(fingerprint, known);
        schema
    }
}
