internal import CKernels
import Synchronization

/// How many threads compute. The one place that the loops of this module, and oneDNN where all of its
/// speed is measured, take their number of threads from; FFTW runs one transform per thread and starts
/// none.
package enum ComputeThreads {
    private static let chosen = Atomic<Int>(0)

    /// Uses `count` threads from the next operation on; 0 or less: as many as there are cores that the
    /// process may run on, but not more than its quota of processor time pays for.
    package static func configure(_ count: Int) {
        chosen.store(max(count, 0), ordering: .relaxed)
    }

    /// The number of threads that operations use.
    package static var count: Int {
        let count = chosen.load(ordering: .relaxed)
        return count > 0 ? count : available
    }

    /// Keeps oneDNN to one thread on this one: the loops of this module share work out in pieces whose
    /// bits do not depend on the number of threads, which oneDNN's own division of a product would.
    /// OpenMP keeps the number per calling thread, so every operation starts with this.
    static func enter() { bigs_set_threads(1) }

    private static let available = count(
        cores: Int(bigs_physical_cores()), quota: ProcessorQuota.read())

    /// A quota of a broken number pays for the whole ones: threads wait for each other, so that one that
    /// is stopped stops all.
    static func count(cores: Int, quota: Double?) -> Int {
        guard let quota else { return cores }
        return max(1, min(cores, Int(min(quota, 1e6) + 0.01)))
    }
}

/// The body of a loop over independent items. A value and not a closure: what a closure captures would
/// be allocated for each loop, and there are loops in every layer.
protocol ParallelLoop {
    /// One item. Calls run on several threads at once; `worker` < `ComputeThreads.count`, and no two
    /// calls share one at a time.
    func run(item: Int, worker: Int)
}

extension ParallelLoop {
    fileprivate static func run(_ loop: UnsafeRawPointer, item: Int, worker: Int) {
        loop.assumingMemoryBound(to: Self.self).pointee.run(item: item, worker: worker)
    }
}

/// Loops over independent items on all threads.
enum Parallel {
    private struct Job {
        let loop: UnsafeRawPointer
        let type: any ParallelLoop.Type
    }

    /// Runs `loop` once for every item below `count`, in any order.
    static func run<Loop: ParallelLoop>(_ loop: Loop, count: Int, threads: Int) {
        withUnsafePointer(to: loop) { loop in
            var job = Job(loop: UnsafeRawPointer(loop), type: Loop.self)
            bigs_parallel(
                count, threads,
                { opaque, item, worker in
                    guard let opaque else { return }
                    let job = opaque.assumingMemoryBound(to: Job.self)
                    job.pointee.type.run(job.pointee.loop, item: item, worker: worker)
                }, &job)
        }
    }
}
