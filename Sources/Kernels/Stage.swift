internal import CKernels

/// The parts of a forward pass that a profile tells apart.
package enum Stage: Int, Sendable, CaseIterable {
    /// Word, type and position embeddings with their norm.
    case embeddings
    case norm
    /// The projections du into the recurrences.
    case input
    case convolution
    /// The projections duc out of the recurrences.
    case context
    /// dv.
    case gate
    /// dol, with the product by the gate.
    case widen
    /// do, with the sum.
    case narrow
    /// Rows of activations to 8 bits.
    case quantize
    /// Pooler and heads.
    case head

    /// The stage's name in tables.
    package var name: String { "\(self)" }
}

/// Time and traffic of each stage, summed over the threads of the process while it is on. Costs two
/// readings of the clock a stage and tile, and nothing while it is off.
package enum StageProfile {
    /// What one stage took.
    package struct Entry: Sendable {
        /// Whose time it is.
        package let stage: Stage
        /// Seconds of all threads together.
        package let seconds: Double
        /// Bytes read and written, each tensor counted once for each tile.
        package let bytes: Double
    }

    /// Starts from 0.
    package static func start() { bigs_stages_enable(1) }

    /// Ends the profile and gives what was counted.
    package static func stop() -> [Entry] {
        let entries = Stage.allCases.map { stage in
            Entry(
                stage: stage,
                seconds: Double(bigs_stage_nanoseconds(Int32(stage.rawValue))) / 1e9,
                bytes: Double(bigs_stage_bytes(Int32(stage.rawValue))))
        }
        bigs_stages_enable(0)
        return entries
    }

    /// The bytes that the process has allocated and not freed; 0 where the C library does not tell.
    package static var heapBytes: Int { bigs_heap_bytes() }

    static func begin() -> UInt64 { bigs_stage_begin() }

    static func end(_ stage: Stage, _ begin: UInt64, in tile: RowTile, bytes: Int) {
        guard begin > 0 else { return }
        end(stage, begin, threads: tile.isShared ? ComputeThreads.count : 1, bytes: bytes)
    }

    static func end(_ stage: Stage, _ begin: UInt64, threads: Int, bytes: Int) {
        bigs_stage_end(Int32(stage.rawValue), begin, Int32(threads), UInt64(bytes))
    }
}
