internal import CKernels
import Synchronization

/// The convolution of one layer and direction: y = k * u + D u along each sequence, the same kernel for
/// every channel.
///
/// Several algorithms, all exact; the planner says which is the fastest for a length, and it says the
/// same in every process on a machine. So a sequence has the same bits alone, in any batch and
/// after any restart.
package final class SSMConvolution: Sendable {
    /// The longest sequence that it serves.
    package let maximumLength: Int
    /// How many samples the kernel has before it has decayed: what comes after them could not change
    /// a sum in float32.
    package let effectiveLength: Int
    /// How many states its model has.
    let states: Int
    private let toeplitz: ToeplitzConvolution
    private let tiles = Mutex<TiledToeplitz?>(nil)
    private let makeTiles: @Sendable () -> TiledToeplitz
    private let partitioned: PartitionedConvolution
    private let fourier: FourierConvolution
    private let scan: ChunkedScan

    /// Generates the kernel; spectra follow when a length first needs them.
    package init(parameters: SSMParameters, direction: Direction, maximumLength: Int) {
        let full = SSMKernel.generate(parameters, length: maximumLength)
        let kernel = Array(full.prefix(Self.effectiveLength(full)))
        self.maximumLength = maximumLength
        effectiveLength = kernel.count
        states = parameters.aRe.count
        toeplitz = ToeplitzConvolution(
            kernel: kernel, d: parameters.d, direction: direction,
            maximumLength: min(maximumLength, ConvolutionAlgorithm.longestToeplitz))
        makeTiles = { [d = parameters.d] in
            TiledToeplitz(kernel: kernel, d: d, direction: direction)
        }
        partitioned = PartitionedConvolution(
            kernel: kernel, d: parameters.d, direction: direction)
        fourier = FourierConvolution(kernel: kernel, d: parameters.d, direction: direction)
        scan = ChunkedScan(kernel: kernel, parameters: parameters, direction: direction)
    }

    /// The samples up to where the magnitudes of all later ones add up to less than 2^-26 of all
    /// magnitudes: a quarter of the last bit of the largest sum that the kernel can make.
    static func effectiveLength(_ kernel: [Float]) -> Int {
        var sum = kernel.reduce(0) { $0 + Double(abs($1)) }
        guard sum.isFinite else { return kernel.count }
        let least = sum / 67_108_864
        sum = 0
        var length = kernel.count
        while length > 1 {
            sum += Double(abs(kernel[length - 1]))
            if sum > least { break }
            length -= 1
        }
        return length
    }

    /// An algorithm with all that it reads at a length: numbers and addresses alone, which the threads
    /// of a loop can share without counting who has them. They last as long as the convolution.
    enum Ready {
        case toeplitz(ToeplitzConvolution.Ready)
        case tiles(TiledToeplitz.Ready)
        case partitioned(PartitionedConvolution.Ready)
        case fftw(FourierConvolution.Ready)
        case scan(ChunkedScan.Ready)
    }

    /// What is needed for a length, made now if it has not been yet.
    func ready(length: Int, _ algorithm: ConvolutionAlgorithm) -> Ready {
        switch algorithm {
        case .toeplitz: .toeplitz(toeplitz.ready(length: length))
        case .tiles:
            .tiles(
                tiles.withLock { tiles in
                    let made = tiles ?? makeTiles()
                    tiles = made
                    return made.ready()
                })
        case .partitioned(let size): .partitioned(partitioned.ready(size: size))
        case .fftw: .fftw(fourier.ready(length: length))
        case .scan: .scan(scan.ready())
        }
    }

    /// FFTW with a plan that is only estimated, and that plan, which has to last as long.
    func estimatedFourier(length: Int) -> (Ready, FFTPlan) {
        let (ready, plan) = fourier.estimated(length: length)
        return (.fftw(ready), plan)
    }

    /// Replaces each sequence of the first `layout.totalRows` rows of both activations by its
    /// convolution: of `forward` by the one, of `backward` by the other. Allocates only at lengths
    /// not seen before.
    package static func apply(
        _ first: SSMConvolution, on forward: Activations, _ second: SSMConvolution,
        on backward: Activations, layout: SequenceLayout, workspace: ConvolutionWorkspace
    ) {
        let rows = (forward[0..<layout.totalRows], backward[0..<layout.totalRows])
        precondition(rows.0.columns == rows.1.columns && rows.0.base != rows.1.base)
        workspace.ready.removeAll(keepingCapacity: true)
        for i in 0..<layout.count {
            let length = layout.length(i)
            precondition(length <= workspace.maximumLength, "the workspace is too small")
            precondition(length <= min(first.maximumLength, second.maximumLength))
            workspace.ready.append(first.ready(length: length, rows.0.storage))
            workspace.ready.append(second.ready(length: length, rows.0.storage))
        }
        let channels = rows.0.columns
        let width = ConvolutionAlgorithm.channelBlock
        let blocks = (channels + width - 1) / width
        let threads = max(
            1, min(ComputeThreads.count, layout.totalRows * channels / floatsPerThread))
        workspace.reserve(threads: threads)
        let begin = StageProfile.begin()
        withExtendedLifetime((first, second)) {
            workspace.withBuffers { ready, buffers in
                layout.offsets.withUnsafeBufferPointer { offsets in
                    Parallel.run(
                        ChannelLoop(
                            ready: ready, rows: rows, offsets: offsets, buffers: buffers,
                            blocks: blocks),
                        count: 2 * layout.count * blocks, threads: threads)
                }
            }
        }
        StageProfile.end(
            .convolution, begin, threads: ComputeThreads.count,
            bytes: 2 * (rows.0.bytes + rows.1.bytes))
    }

    /// One block of channels of one sequence and direction.
    private struct ChannelLoop: ParallelLoop {
        /// Of each sequence the forward and the backward one.
        let ready: UnsafeBufferPointer<Ready>
        let rows: (forward: Rows, backward: Rows)
        let offsets: UnsafeBufferPointer<Int>
        let buffers: UnsafeBufferPointer<UnsafeMutablePointer<Float>>
        let blocks: Int

        func run(item: Int, worker: Int) {
            let convolution = item / blocks
            let rows = convolution % 2 == 0 ? rows.forward : rows.backward
            let width = ConvolutionAlgorithm.channelBlock
            let start = item % blocks * width
            ready[convolution].apply(
                rows, range: offsets[convolution / 2]..<offsets[convolution / 2 + 1],
                channels: start..<min(start + width, rows.columns), work: buffers[worker])
        }
    }

    /// The numbers of each direction that are worth a thread's while: with fewer, threads wait for each
    /// other longer than they work.
    private static let floatsPerThread = 4_096

    private func ready(length: Int, _ storage: Storage) -> Ready {
        ready(
            length: length,
            ConvolutionPlanner.shared.algorithm(length: length, states: states, storage))
    }

    /// One sequence, up to 32 of its channels, by an algorithm of choice, on this thread.
    func apply(
        _ rows: Rows, range: Range<Int>, channels: Range<Int>, _ algorithm: ConvolutionAlgorithm,
        work: UnsafeMutablePointer<Float>
    ) {
        ready(length: range.count, algorithm)
            .apply(rows, range: range, channels: channels, work: work)
    }
}

extension SSMConvolution.Ready {
    /// One sequence, up to 32 of its channels, on this thread.
    func apply(
        _ rows: Rows, range: Range<Int>, channels: Range<Int>, work: UnsafeMutablePointer<Float>
    ) {
        let start =
            rows.base + range.lowerBound * rows.stride + channels.lowerBound * rows.storage.bytes
        let length = range.count
        let width = ConvolutionAlgorithm.channelBlock
        let rest = work + width * length
        func load() {
            bigs_load_block(rows.storage.native, start, rows.stride, length, channels.count, work)
        }
        func store(_ block: UnsafeMutablePointer<Float>) {
            bigs_store_block(
                rows.storage.native, block, length, channels.count, start, rows.stride)
        }
        switch self {
        case .partitioned(let ready):
            ready.apply(
                start, storage: rows.storage, stride: rows.stride, length: length,
                channels: channels.count, work: work)
        case .scan(let ready):
            ready.apply(
                start, storage: rows.storage, stride: rows.stride, length: length,
                channels: channels.count, work: work)
        case .tiles(let ready):
            precondition(rows.storage == .bfloat16, "the matrix unit takes rows of bfloat16")
            ready.apply(
                start, stride: rows.stride, length: length, channels: channels.count, work: work)
        case .toeplitz(let ready):
            load()
            ready.apply(work, rest, length: length, channels: width)
            store(rest)
        case .fftw(let ready):
            load()
            ready.apply(work, length: length, channels: width, work: rest)
            store(work)
        }
    }
}
