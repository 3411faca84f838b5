import TestSupport
import Testing

@testable import Kernels

/// One state whose kernel falls off slowly; the tests that need the kernel take it from here.
private func parameters(states: Int = 4, d: Float = 0.3) -> SSMParameters {
    var random = SeededGenerator(seed: 11)
    return SSMParameters(
        aRe: (0..<states).map { _ in -0.5 }, aIm: (0..<states).map { 3 * Float($0) },
        c: random.floats(2 * states), logStep: -4.5, d: d)
}

private let lengths = [1, 2, 3, 31, 32, 33, 127, 128, 129, 251, 255, 256, 257, 1021, 1024]
private let longLengths = [2048, 4093, 4095, 4096, 4097, 8191, 8192, 8193, 16_381, 16_384]

private let algorithms: [ConvolutionAlgorithm] =
    [.toeplitz, .fftw, .scan] + PartitionedConvolution.sizes.map { .partitioned(size: $0) }

/// The algorithms that can be asked for at a length, whatever the planner would choose.
private func algorithms(_ length: Int) -> [ConvolutionAlgorithm] {
    algorithms.filter { $0 != .toeplitz || length <= ConvolutionAlgorithm.longestToeplitz }
}

/// Of rows of bfloat16 alone.
private let tiles: [ConvolutionAlgorithm] = Processor.hasMatrixUnit(.bfloat16) ? [.tiles] : []

@Suite struct ConvolutionTests {
    /// One sequence [length, channels] through one algorithm, a block of channels at a time.
    private func convolve(
        _ input: [Float], channels: Int, _ direction: Direction, _ algorithm: ConvolutionAlgorithm,
        _ parameters: SSMParameters = parameters(), storedAs precision: Precision = .float32
    ) -> [Float] {
        let length = input.count / channels
        let convolution = SSMConvolution(
            parameters: parameters, direction: direction, maximumLength: length)
        let rows = Activations(rowCapacity: length, columns: channels, precision: precision)
        rows[0..<length].fill(input)
        let work = FloatTable(count: algorithm.workFloats(length: length))
        for start in stride(from: 0, to: channels, by: ConvolutionAlgorithm.channelBlock) {
            let end = min(start + ConvolutionAlgorithm.channelBlock, channels)
            withExtendedLifetime((rows, work)) {
                convolution.apply(
                    rows[0..<length], range: 0..<length, channels: start..<end, algorithm,
                    work: work.base)
            }
        }
        return withExtendedLifetime(rows) { rows[0..<length].values }
    }

    /// The definition, in float64, for one channel of one sequence and some rows.
    private func direct(
        _ input: [Float], rows: [Int], _ direction: Direction,
        _ p: SSMParameters = parameters()
    ) -> [Float] {
        let kernel = SSMKernel.generate(p, length: input.count)
        return rows.map { l in
            var sum = Double(p.d) * Double(input[l])
            switch direction {
            case .forward: for m in 0...l { sum += Double(kernel[l - m]) * Double(input[m]) }
            case .backward:
                for m in l..<input.count { sum += Double(kernel[m - l]) * Double(input[m]) }
            }
            return Float(sum)
        }
    }

    @Test(arguments: lengths, Direction.allCases)
    func allEqualTheDirectSum(length: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(length))
        let input = random.floats(length)
        let rows = Array(stride(from: 0, to: length, by: max(1, length / 61))) + [length - 1]
        let expected = direct(input, rows: rows, direction)
        for algorithm in algorithms(length) {
            let output = convolve(input, channels: 1, direction, algorithm)
            #expect(largestDifference(rows.map { output[$0] }, expected) < 3e-6)
        }
    }

    @Test(arguments: longLengths, Direction.allCases)
    func longOnesEqualTheDirectSum(length: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(length))
        let input = random.floats(length)
        let rows = [0, 1, length / 2, length - 2, length - 1]
        let expected = direct(input, rows: rows, direction)
        for algorithm in algorithms(length) {
            let output = convolve(input, channels: 1, direction, algorithm)
            #expect(largestDifference(rows.map { output[$0] }, expected) < 1e-5)
        }
    }

    /// Rows of bfloat16 lose what rounding the result loses, nothing inside.
    @Test(arguments: [1, 40, 64, 129, 500, 2048], Direction.allCases)
    func bfloat16RowsRoundOnce(length: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(length))
        let input = random.floats(length).map(rounded)
        let rows = Array(stride(from: 0, to: length, by: max(1, length / 61))) + [length - 1]
        let expected = direct(input, rows: rows, direction)
        for algorithm in algorithms(length) + tiles {
            let output = convolve(
                input, channels: 1, direction, algorithm, storedAs: .bfloat16)
            for (row, value) in zip(rows, expected) {
                #expect(abs(output[row] - value) <= abs(value) / 256 + 1e-5)
            }
        }
    }

    /// The matrix unit takes 32 rows and 32 channels at a time, and as much of a kernel as is left of it.
    @Test(arguments: [1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 500, 2000], Direction.allCases)
    func tilesTakeAnyPart(length: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(length))
        let channels = 37
        let input = random.floats(length * channels).map(rounded)
        let steps: [Float] = [-4.5, -2, 1]
        for algorithm in tiles {
            for step in steps {
                var p = parameters()
                p.logStep = step
                let output = convolve(
                    input, channels: channels, direction, algorithm, p, storedAs: .bfloat16)
                for channel in [0, 15, 16, 31, 32, 36] {
                    let own = stride(from: channel, to: input.count, by: channels)
                    let expected = direct(
                        own.map { input[$0] }, rows: Array(0..<length), direction, p)
                    for (place, value) in zip(own, expected) {
                        #expect(abs(output[place] - value) <= abs(value) / 256 + 1e-5)
                    }
                }
            }
        }
    }

    @Test func aDecayedKernelIsCut() {
        var quick = parameters()
        quick.logStep = -2  // e^-0.5 exp(-2) a sample: 2^-26 after about 270
        let long = SSMConvolution(parameters: quick, direction: .forward, maximumLength: 4096)
        #expect((200..<400).contains(long.effectiveLength))
        let slow = SSMConvolution(
            parameters: parameters(), direction: .forward, maximumLength: 512)
        #expect(slow.effectiveLength == 512)
        var random = SeededGenerator(seed: 8)
        let input = random.floats(2000)
        let rows = [0, 199, 400, 1000, 1999]
        for direction in Direction.allCases {
            let expected = direct(input, rows: rows, direction, quick)
            for algorithm in algorithms(2000) {
                let output = convolve(input, channels: 1, direction, algorithm, quick)
                #expect(largestDifference(rows.map { output[$0] }, expected) < 3e-6)
            }
        }
        #expect(SSMConvolution.effectiveLength([0, 0, 0]) == 1)
        #expect(SSMConvolution.effectiveLength([1, .nan]) == 2)
    }

    /// Blocks take a long sequence in stretches where the kernel is short: every stretch needs what
    /// came before it.
    @Test(arguments: [Float(-2), -3, -3.6, -4.2], Direction.allCases)
    func aShortKernelSeesAcrossStretches(logStep: Float, direction: Direction) {
        var short = parameters()
        short.logStep = logStep
        var random = SeededGenerator(seed: 21)
        let input = random.floats(16_001)
        let rows = stride(from: 63, to: input.count, by: 64).flatMap { [$0, $0 + 1] }
        let expected = direct(input, rows: rows, direction, short)
        for algorithm in algorithms(input.count) {
            let output = convolve(input, channels: 1, direction, algorithm, short)
            #expect(largestDifference(rows.map { output[$0] }, expected) < 1e-5)
        }
    }

    @Test(arguments: lengths + longLengths, Direction.allCases)
    func anImpulseGivesTheKernel(length: Int, direction: Direction) {
        let p = parameters()
        let kernel = SSMKernel.generate(p, length: length)
        for algorithm in algorithms(length) {
            for position in Set([0, length / 3, length - 1]) {
                var input = [Float](repeating: 0, count: length)
                input[position] = 1
                let output = convolve(input, channels: 1, direction, algorithm)
                let expected = (0..<length).map { l -> Float in
                    let lag = direction == .forward ? l - position : position - l
                    return lag < 0 ? 0 : kernel[lag] + (lag == 0 ? p.d : 0)
                }
                #expect(largestDifference(output, expected) < 5e-7)
            }
        }
    }

    @Test(arguments: [7, 128, 257, 1021], Direction.allCases)
    func linearAndShiftInvariantAndCausal(length: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(length))
        let (a, b) = (random.floats(length), random.floats(length))
        let shift = length / 3
        for algorithm in algorithms(length) {
            let fa = convolve(a, channels: 1, direction, algorithm)
            let fb = convolve(b, channels: 1, direction, algorithm)
            let sum = convolve(zip(a, b).map { 2 * $0 - $1 }, channels: 1, direction, algorithm)
            #expect(largestDifference(sum, zip(fa, fb).map { 2 * $0 - $1 }) < 5e-6)

            // Moved in the direction of reading, the answer moves along.
            let zeros = [Float](repeating: 0, count: shift)
            let moved =
                direction == .forward
                ? zeros + a.dropLast(shift) : Array(a.dropFirst(shift)) + zeros
            let later = convolve(moved, channels: 1, direction, algorithm)
            let expected =
                direction == .forward
                ? zeros + fa.dropLast(shift) : Array(fa.dropFirst(shift)) + zeros
            #expect(largestDifference(later, expected) < 5e-6)

            // What has not been read yet does not matter.
            var changed = a
            let cut = length / 2
            for l in 0..<length where direction == .forward ? l > cut : l < cut {
                changed[l] = b[l]
            }
            let seen = convolve(changed, channels: 1, direction, algorithm)
            let kept = direction == .forward ? 0..<(cut + 1) : cut..<length
            #expect(largestDifference(Array(seen[kept]), Array(fa[kept])) < 5e-6)
        }
    }

    @Test(arguments: [1, 5, 16, 17, 40, 64])
    func everyChannelIsItsOwn(channels: Int) {
        var random = SeededGenerator(seed: UInt64(channels))
        let length = 150
        let input = random.floats(length * channels)
        for direction in Direction.allCases {
            for algorithm in algorithms(length) {
                let output = convolve(input, channels: channels, direction, algorithm)
                for c in Set([0, channels / 2, channels - 1]) {
                    let channel = (0..<length).map { input[$0 * channels + c] }
                    let expected = direct(channel, rows: Array(0..<length), direction)
                    let found = (0..<length).map { output[$0 * channels + c] }
                    #expect(largestDifference(found, expected) < 3e-6)
                }
            }
        }
    }

    @Test(arguments: GoldenKernels.cases(".y_f64_direct"))
    func equalsTheReference(name: String) throws {
        let kernel = try #require(GoldenKernels.tensors[name + ".K"])
        let input = try #require(GoldenKernels.tensors[name + ".u"])
        let expected = try #require(GoldenKernels.tensors[name + ".y_f64_direct"])
        let length = input.count
        let (source, output) = (Matrix(input, columns: 1), Matrix(rowCapacity: length, columns: 1))
        let work = FloatTable(
            count: max(
                FourierConvolution.workFloats(length: length),
                PartitionedConvolution.workFloats(size: 64, length: length)))
        withExtendedLifetime((source, output, work)) {
            let fourier = FourierConvolution(kernel: kernel, d: 0, direction: .forward)
            Elementwise.copyRows(source, range: 0..<length, into: output, at: 0)
            withExtendedLifetime(fourier) {
                fourier.ready(length: length).apply(
                    output.base, length: length, channels: 1, work: work.base)
            }
            #expect(largestDifference(output.copyRows(0..<length), expected) < 1e-6)
            let blocks = PartitionedConvolution(kernel: kernel, d: 0, direction: .forward)
            Elementwise.copyRows(source, range: 0..<length, into: output, at: 0)
            withExtendedLifetime(blocks) {
                blocks.ready(size: 64).apply(
                    UnsafeMutableRawPointer(output.base), storage: .float32, stride: 4,
                    length: length, channels: 1, work: work.base)
            }
            #expect(largestDifference(output.copyRows(0..<length), expected) < 1e-6)
            guard length <= 1000 else { return }
            let toeplitz = ToeplitzConvolution(
                kernel: kernel, d: 0, direction: .forward, maximumLength: length)
            withExtendedLifetime(toeplitz) {
                toeplitz.ready(length: length).apply(
                    source.base, output.base, length: length, channels: 1)
            }
            #expect(largestDifference(output.copyRows(0..<length), expected) < 1e-6)
        }
    }

    /// The scan's tiles hold four states; models have any number of them, at any decay.
    @Test(arguments: [1, 2, 3, 5, 64, 256], Direction.allCases)
    func aScanTakesAnyNumberOfStates(states: Int, direction: Direction) {
        var random = SeededGenerator(seed: UInt64(states))
        for logStep in [Float(-9), -6, -3, 0] {
            var model = parameters(states: states)
            model.logStep = logStep
            model.c = random.floats(2 * states).map { $0 / Float(states) }
            for length in [1, 63, 64, 65, 200, 1000] {
                let input = random.floats(length)
                let expected = direct(input, rows: Array(0..<length), direction, model)
                let output = convolve(input, channels: 1, direction, .scan, model)
                #expect(largestDifference(output, expected) < 5e-6)
            }
        }
    }

    @Test(arguments: [Precision.float32, .bfloat16])
    func aSequenceHasTheSameBitsAloneAndInABatch(precision: Precision) {
        let (channels, longest) = (37, 300)
        let (forward, backward) = (
            SSMConvolution(
                parameters: parameters(), direction: .forward, maximumLength: longest),
            SSMConvolution(
                parameters: parameters(), direction: .backward, maximumLength: longest)
        )
        let workspace = ConvolutionWorkspace(maximumLength: longest)
        let layout = SequenceLayout(lengths: [1, 300, 17, 256, 257, 2, 259, 17])
        var random = SeededGenerator(seed: 5)
        let numbers = random.floats(layout.totalRows * channels)
        func run(_ lengths: [Int], _ numbers: [Float]) -> ([Float], [Float]) {
            let layout = SequenceLayout(lengths: lengths)
            let rows = 0..<layout.totalRows
            func activations() -> Activations {
                let made = Activations(
                    rowCapacity: rows.count, columns: channels, precision: precision)
                made[rows].fill(numbers)
                return made
            }
            let (a, b) = (activations(), activations())
            SSMConvolution.apply(
                forward, on: a, backward, on: b, layout: layout, workspace: workspace)
            return withExtendedLifetime((a, b)) { (a[rows].values, b[rows].values) }
        }
        let together = run((0..<layout.count).map(layout.length), numbers)
        for i in 0..<layout.count {
            let range = layout.range(i)
            let part = range.lowerBound * channels..<range.upperBound * channels
            let alone = run([range.count], Array(numbers[part]))
            #expect(sameBits(alone.0, Array(together.0[part])))
            #expect(sameBits(alone.1, Array(together.1[part])))
        }
    }

    /// The planner chooses for a class of lengths: of every choice the memory has to suffice.
    @Test func theMemoryOfAWorkspaceSuffices() {
        var needed = 0
        for length in 1...9_000 {
            let known = ConvolutionPlanner.classLength(length)
            let choices =
                ConvolutionAlgorithm.candidates(length: known, states: 1, .bfloat16)
                + [.usual(length: known)]
            needed = max(needed, choices.map { $0.workFloats(length: length) }.max() ?? 0)
            let given = ConvolutionAlgorithm.workFloats(maximumLength: length)
            #expect(given >= needed, "\(length)")
        }
    }
}
