/// The threads a specification asks for (0: all there are), but never more than are offered.
pub(crate) fn threads(wanted: u32, offered: usize) -> usize {
    let offered = offered.max(1);
    match wanted as usize {
        0 => offered,
        wanted => wanted.min(offered),
    }
}
