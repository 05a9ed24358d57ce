use pulp::{Arch, Simd, WithSimd};

/// A loop that is compiled for the machine's own vector instructions.
///
/// Everything it calls must be inlined into it: mark it `#[inline(always)]`, and prefer methods to
/// closures, which the compiler may leave outside.
pub(super) trait Kernel {
    fn run(self);
}

struct Vectorised<K>(K);

impl<K: Kernel> WithSimd for Vectorised<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.0.run();
    }
}

/// Runs a kernel with the widest vectors the machine has. The results do not depend on the width.
pub(super) fn vectorise(kernel: impl Kernel) {
    Arch::new().dispatch(Vectorised(kernel));
}
