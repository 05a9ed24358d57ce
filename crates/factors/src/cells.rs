use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;
use memmap2::MmapMut;

/// A column below this many bytes comes from the allocator.
const LEAST_MAPPED: usize = 1 << 20;

/// Values in a row, as a slice of them.
///
/// Large ones are mapped, and the system is asked for its huge pages: writing to fresh memory page
/// by page would cost as much as many a computation.
pub struct Cells<T> {
    memory: Memory<T>,
    /// Fewer than the memory has after [`Cells::truncate`].
    count: usize,
}

enum Memory<T> {
    Heap(Vec<T>),
    Mapped { map: MmapMut, cells: PhantomData<T> },
}

impl<T: Pod> Cells<T> {
    /// So many zeros. Their memory is not touched before it is written.
    pub fn zeroed(count: usize) -> Self {
        let bytes = count.saturating_mul(size_of::<T>());
        if bytes >= LEAST_MAPPED
            && let Ok(map) = MmapMut::map_anon(bytes)
        {
            // A system without huge pages says no, and the mapping is as good as any other.
            #[cfg(target_os = "linux")]
            let _ = map.advise(memmap2::Advice::HugePage);
            return Self { memory: Memory::Mapped { map, cells: PhantomData }, count };
        }
        vec![T::zeroed(); count].into()
    }

    /// Keeps the first `count` values.
    pub fn truncate(&mut self, count: usize) {
        self.count = self.count.min(count);
    }
}

impl<T: Pod> Deref for Cells<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        let all: &[T] = match &self.memory {
            Memory::Heap(values) => values,
            Memory::Mapped { map, .. } => bytemuck::cast_slice(map),
        };
        &all[..self.count]
    }
}

impl<T: Pod> DerefMut for Cells<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        let all: &mut [T] = match &mut self.memory {
            Memory::Heap(values) => values,
            Memory::Mapped { map, .. } => bytemuck::cast_slice_mut(map),
        };
        &mut all[..self.count]
    }
}

impl<T> From<Vec<T>> for Cells<T> {
    fn from(values: Vec<T>) -> Self {
        Self { count: values.len(), memory: Memory::Heap(values) }
    }
}

impl<T> Default for Cells<T> {
    fn default() -> Self {
        Vec::new().into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mapped_values_are_as_those_from_the_allocator() {
        for count in [0, 3, LEAST_MAPPED] {
            let mut cells: Cells<f32> = Cells::zeroed(count);
            assert_eq!((cells.len(), cells.iter().sum::<f32>()), (count, 0.0));
            cells.iter_mut().for_each(|value| *value = 2.0);
            let whole = cells.clone();
            cells.truncate(count + 1);
            assert_eq!(cells, whole);
            cells.truncate(count / 2);
            assert_eq!(cells, Cells::from(vec![2.0; count / 2]));
        }
    }
}
