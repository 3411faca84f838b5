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
    let first: Int

    func run(item: Int, worker: Int) {
        let (start, end) = (rows * (first + item) / count, rows * (first + item + 1) / count)
        task.run(RowTile(rows: start..<end, worker: worker, isShared: false))
    }
}

/// How the rows of a pass are cut into tiles: decided once, so that buffers made for it serve every
/// task that goes over the rows, whoever changes the number of threads meanwhile. The bits of a row do
/// not depend on it.
package struct RowTiles {
    /// Rows in a tile: enough to hide that its weights come from beyond the core's cache, few enough
    /// that a tile of the widest activations fits there.
    private static func height(_ precision: Precision) -> Int {
        Processor.hasMatrixUnit(precision) ? 256 : 128
    }
    /// Fewer rows than this for each thread, and threads share each product out instead, by columns
    /// first: then each reads a part of the weights, not all.
    private static let fewest = 96

    private let rows: Int
    private let threads: Int
    /// As many tiles for every thread; nil: one, that all share.
    private let count: Int?

    /// For `rows` rows of this type, on as many threads as compute now.
    package init(rows: Int, precision: Precision) {
        self.init(rows: rows, precision: precision, threads: ComputeThreads.count)
    }

    init(rows: Int, precision: Precision, threads: Int) {
        self.rows = rows
        self.threads = threads
        let isOne =
            !Processor.isVectorised || (threads > 1 && rows < Self.fewest * threads)
        let perRound = Self.height(precision) * threads
        count = isOne ? nil : max(1, (rows + perRound - 1) / perRound * threads)
    }

    /// How many times every thread has a tile: into so many parts the rows can be cut.
    package var rounds: Int { count.map { $0 / threads } ?? 1 }

    /// How many tiles are in flight at once, each with a worker's buffer of its own.
    package var workers: Int { min(threads, count ?? 1) }

    /// The most rows that a tile of worker `worker` has.
    package func tallest(worker: Int) -> Int {
        guard let count else { return worker == 0 ? rows : 0 }
        return (rows + count - 1) / count
    }

    /// The same in any pass of up to `capacity` rows, on as many threads as compute now. Worker 0 alone
    /// has the tiles that are all of a pass.
    package static func tallest(worker: Int, capacity: Int, precision: Precision) -> Int {
        tallest(
            worker: worker, capacity: capacity, precision: precision,
            threads: ComputeThreads.count)
    }

    static func tallest(
        worker: Int, capacity: Int, precision: Precision, threads: Int
    ) -> Int {
        guard Processor.isVectorised else { return worker == 0 ? capacity : 0 }
        let shared = worker == 0 ? fewest * threads : 0
        return min(capacity, max(height(precision), shared))
    }

    /// Runs `task` for the tiles of some of the rounds, on several threads at once where there is more
    /// than one. Allocates nothing.
    package func run(_ task: some TileTask, rounds: Range<Int>) {
        if rounds.isEmpty { return }
        guard let count else { return task.run(.shared(0..<rows)) }
        Parallel.run(
            TileLoop(task: task, rows: rows, count: count, first: rounds.lowerBound * threads),
            count: rounds.count * threads, threads: threads)
    }
}
