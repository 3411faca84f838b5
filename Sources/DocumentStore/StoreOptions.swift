package import Foundation

/// How a store is opened.
package struct StoreOptions: Sendable {
    /// How long a call waits for another process that holds the file, in seconds.
    package var busyTimeout: Double

    /// How many lookups run beside each other and beside the writer; 1 or more.
    package var readerCount: Int

    /// The size in bytes that the file may not pass; nil is no limit but the disk's. To stay below
    /// it, the cached encodings that were not used for longest are evicted; documents never are.
    /// When that is not enough, writes throw `StoreError.full` and what is kept stays readable. A
    /// thirty-second of the size, in small files a sixteenth, is left for deletions; where they, or the
    /// merging of the text index that comes of them, need more, they pass it, and compaction gives that
    /// back. A file that is larger already keeps its size.
    package var maximumBytes: Int?

    /// The age in seconds from which on a cached encoding is not answered any more, and is evicted
    /// by some later write; nil is none. Documents do not age.
    package var cacheTTL: Double?

    /// The most bytes of cached encodings that are also held in memory, to be answered without
    /// asking the file; 0 is none.
    package var recentBytes: Int

    /// How the text index tells words apart. Nil takes what the file has, `unicode61` for a new
    /// one; another than the file's makes the index anew when it is opened.
    package var tokenizer: TextIndexTokenizer?

    /// The threads that one search scans vectors on; 0 is as many as compute.
    package var searchThreads: Int

    /// An export ends once its snapshot is older than this in seconds, and it has held the log back to
    /// more than `exportLogBytes`.
    package var exportAge = 900.0

    /// The size of the log in bytes up to which no export is ended.
    package var exportLogBytes = 1 << 30

    /// The time; for tests.
    package var clock: @Sendable () -> Date

    /// Options; the defaults are what a server wants.
    package init(
        busyTimeout: Double = 2, readerCount: Int = 4, maximumBytes: Int? = nil,
        cacheTTL: Double? = nil, recentBytes: Int = 64 << 20,
        tokenizer: TextIndexTokenizer? = nil, searchThreads: Int = 0,
        clock: @escaping @Sendable () -> Date = { Date() }
    ) {
        precondition(busyTimeout >= 0 && readerCount > 0 && searchThreads >= 0)
        precondition(recentBytes >= 0)
        self.busyTimeout = busyTimeout
        self.readerCount = readerCount
        self.maximumBytes = maximumBytes
        self.cacheTTL = cacheTTL
        self.recentBytes = recentBytes
        self.tokenizer = tokenizer
        self.searchThreads = searchThreads
        self.clock = clock
    }
}
