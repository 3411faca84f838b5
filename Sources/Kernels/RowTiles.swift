/// A piece of the rows of a pass that goes through several kernels together, so that what flows
/// between them stays in the cache of one core.
package struct RowTile: Sendable {
    /// Which rows.
    package let rows: Range<Int>
    /// Which of the workspace's buffers is its own meanwhile.
    package let worker: Int
    /// Whether it is the only tile: then every kernel shares its work out over all threads.
    let isShared: Bool

    /// All of `rows`, with every kernel on all threads.
    static func shared(_ rows: Range<Int>) -> RowTile {
        RowTile(rows: rows, worker: 0, isShared: true)
    }
}

/// What is to be done to every tile of a pass.
package protocol TileTask {
    /// One tile; calls run on several threads at once.
    func run(_ tile: RowTile)
}

private struct TileLoop<Task: TileTask>: ParallelLoop {
    let task: Task
    let rows: Int
    let count: Int

    func run(item: Int, worker: Int) {
        let start = rows * item / count
        task.run(
            RowTile(rows: start..<rows * (item + 1) / count, worker: worker, isShared: false))
    }
}

/// How rows are cut into tiles. The bits of a row do not depend on it.
package enum RowTiles {
    /// Rows in a tile: enough to hide that its weights come from beyond the core's cache, few enough
    /// that a tile of the widest activations fits there.
    static let height = 128
    /// Fewer rows than this for each thread, and threads share out columns instead: then each reads a
    /// part of the weights, not all.
    private static let fewest = 96

    /// The rows that the buffer of one worker must hold where a pass has up to `capacity` rows.
    package static func bufferRows(capacity: Int) -> Int {
        guard Processor.isVectorised else { return capacity }
        return min(capacity, max(height, fewest * ComputeThreads.count))
    }

    /// How many buffers `run` needs at once for so many rows.
    package static func buffers(rows: Int) -> Int {
        isOne(rows) ? 1 : min(ComputeThreads.count, count(rows))
    }

    /// Runs `task` for every tile of `rows` rows, on several threads at once where there is more than
    /// one. Allocates nothing.
    package static func run(_ task: some TileTask, rows: Int) {
        if isOne(rows) {
            task.run(.shared(0..<rows))
            return
        }
        let count = count(rows)
        Parallel.run(
            TileLoop(task: task, rows: rows, count: count), count: count,
            threads: ComputeThreads.count)
    }

    private static func isOne(_ rows: Int) -> Bool {
        let threads = ComputeThreads.count
        return !Processor.isVectorised || (threads > 1 && rows < fewest * threads)
    }

    /// As many tiles for every thread.
    private static func count(_ rows: Int) -> Int {
        let threads = ComputeThreads.count
        let rounds = (rows + height * threads - 1) / (height * threads)
        return max(1, rounds * threads)
    }
}
