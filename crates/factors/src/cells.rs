use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A column below this many bytes comes from the allocator.
const LEAST_MAPPED: usize = 1 << 20;

/// The values of one column, at first all zero.
///
/// Large ones are mapped, and the system is asked for its huge pages: writing to fresh memory page
/// by page would cost as much as many a computation.
pub(crate) struct Cells<T>(Memory<T>);

enum Memory<T> {
    Heap(Vec<T>),
    Mapped { map: MmapMut, cells: PhantomData<T> },
}

impl<T: Pod> Cells<T> {
    pub(crate) fn zeroed(count: usize) -> Self {
        let bytes = count.saturating_mul(size_of::<T>());
        if bytes >= LEAST_MAPPED
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // A system without huge pages says no, and the mapping is as good as any other.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Self(Memory::Mapped { map, cells: PhantomData });
        }
        Self(Memory::Heap(vec![T::zeroed(); count]))
    }
}

impl<T: Pod> Deref for Cells<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Memory::Heap(values) => values,
            Memory::Mapped { map, .. } => bytemuck::cast_slice(map),
        }
    }
}

impl<T: Pod> DerefMut for Cells<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Memory::Heap(values) => values,
            Memory::Mapped { map, .. } => bytemuck::cast_slice_mut(map),
        }
    }
}

impl<T: Pod> Clone for Cells<T> {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len());
        copy.copy_from_slice(self);
        copy
    }
}

impl<T: Pod + PartialEq> PartialEq for Cells<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Pod + fmt::Debug> fmt::Debug for Cells<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
