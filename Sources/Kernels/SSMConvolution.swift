internal import CKernels

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

    /// Makes what `apply` needs for a length and has not made yet.
    func prepare(length: Int, _ algorithm: ConvolutionAlgorithm) {
        switch algorithm {
        case .toeplitz: break
        case .partitioned(let size): partitioned.prepare(size: size)
        case .fftw: fourier.prepare(length: length)
        case .scan: scan.prepare()
        }
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
        for i in 0..<layout.count {
            let length = layout.length(i)
            precondition(length <= workspace.maximumLength, "the workspace is too small")
            precondition(length <= min(first.maximumLength, second.maximumLength))
            first.prepare(length: length, first.algorithm(length: length, rows.0.storage))
            second.prepare(length: length, second.algorithm(length: length, rows.0.storage))
        }
        let channels = rows.0.columns
        let width = ConvolutionAlgorithm.channelBlock
        let blocks = (channels + width - 1) / width
        let threads = max(
            1, min(ComputeThreads.count, layout.totalRows * channels / floatsPerThread))
        workspace.reserve(threads: threads)
        let begin = StageProfile.begin()
        Parallel.run(
            ChannelLoop(
                forward: (first, rows.0), backward: (second, rows.1), layout: layout,
                workspace: workspace, blocks: blocks),
            count: 2 * layout.count * blocks, threads: threads)
        StageProfile.end(
            .convolution, begin, threads: ComputeThreads.count,
            bytes: 2 * (rows.0.bytes + rows.1.bytes))
    }

    /// One block of channels of one sequence and direction.
    private struct ChannelLoop: ParallelLoop {
        let forward: (convolution: SSMConvolution, rows: Rows)
        let backward: (convolution: SSMConvolution, rows: Rows)
        let layout: SequenceLayout
        let workspace: ConvolutionWorkspace
        let blocks: Int

        func run(item: Int, worker: Int) {
            let (convolution, rows) = item % (2 * blocks) < blocks ? forward : backward
            let width = ConvolutionAlgorithm.channelBlock
            let start = item % blocks * width
            convolution.apply(
                rows, range: layout.range(item / (2 * blocks)),
                channels: start..<min(start + width, rows.columns),
                work: workspace.buffer(worker))
        }
    }

    /// The numbers of each direction that are worth a thread's while: with fewer, threads wait for each
    /// other longer than they work.
    private static let floatsPerThread = 32_768

    /// One sequence, up to 32 of its channels, on this thread.
    private func apply(
        _ rows: Rows, range: Range<Int>, channels: Range<Int>, work: UnsafeMutablePointer<Float>
    ) {
        apply(
            rows, range: range, channels: channels,
            algorithm(length: range.count, rows.storage), work: work)
    }

    private func algorithm(length: Int, _ storage: Storage) -> ConvolutionAlgorithm {
        ConvolutionPlanner.shared.algorithm(length: length, states: states, storage)
    }

    /// The same by an algorithm of choice, for which `prepare` has been called.
    func apply(
        _ rows: Rows, range: Range<Int>, channels: Range<Int>, _ algorithm: ConvolutionAlgorithm,
        work: UnsafeMutablePointer<Float>
    ) {
        let start =
            rows.base + range.lowerBound * rows.stride + channels.lowerBound * rows.storage.bytes
        let length = range.count
        let width = ConvolutionAlgorithm.channelBlock
        switch algorithm {
        case .partitioned(let size):
            return partitioned.apply(
                start, storage: rows.storage, stride: rows.stride, length: length,
                channels: channels.count, size: size, work: work)
        case .scan:
            return scan.apply(
                start, storage: rows.storage, stride: rows.stride, length: length,
                channels: channels.count, work: work)
        case .toeplitz, .fftw: break
        }
        let block = work
        let rest = work + width * length
        bigs_load_block(rows.storage.native, start, rows.stride, length, channels.count, block)
        let result: UnsafeMutablePointer<Float>
        if algorithm == .toeplitz {
            toeplitz.apply(block, rest, length: length, channels: width, columns: 0..<width)
            result = rest
        } else {
            fourier.apply(
                block, block, length: length, channels: width, columns: 0..<width, work: rest)
            result = block
        }
        bigs_store_block(
            rows.storage.native, result, length, channels.count, start, rows.stride)
    }
}
