use super::requirement::Requirement;
use super::resource::ResourceRequirement;

/// A [`Requirement`] or a [`ResourceRequirement`]. In a private module, so that it is sealed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement",
    note = "what begins with `claim(..)` ends with `.equals(..)` and the like, and what begins with `authorization_detail(..)` with `.granted()`"
)]
#[expect(unnameable_types, reason = "sealed: nobody else implements it")]
pub trait AnyRequirement: Sized {
    #[doc(hidden)]
    fn map(self, change: impl FnOnce(Requirement) -> Requirement) -> Self;
}

impl AnyRequirement for Requirement {
    fn map(self, change: impl FnOnce(Self) -> Self) -> Self {
        change(self)
    }
}

impl<T: ?Sized> AnyRequirement for ResourceRequirement<T> {
    fn map(self, change: impl FnOnce(Requirement) -> Requirement) -> Self {
        Self { requirement: change(self.requirement), aspects: self.aspects }
    }
}
