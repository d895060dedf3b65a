/// Drops elements of the differences from the base at random, small ones more often, rescales the
/// rest and keeps those that agree in sign (DELLA, arXiv:2406.11617).
public struct DELLA: TaskVectorMethod {
  let taskVectors: TaskVectorMerge

  /// Prepares the merge of one group.
  ///
  /// - Parameter group: the group, its first input the base.
  /// - Throws: ``MethodFault`` when a density and an epsilon give probabilities beyond 0...1.
  public init(_ group: MergeGroup) throws(MethodFault) {
    try RankedDropping.check(group)
    taskVectors = try TaskVectorMerge(
      group, sparsification: .ranked, electsSign: true)
  }
}

extension DELLA {
  /// What the method says of itself.
  public static let declaration = MethodDeclaration(
    name: "della",
    title: "DELLA",
    summary: "drops differences at random, small ones more often, keeps those that agree in sign",
    formula: """
      p  = density - epsilon for the smallest magnitude of a row of xᵢ - b, density + epsilon for
           the largest, in equal steps between
      dᵢ = xᵢ - b, each element kept with its probability p, 0 elsewhere
      dᵢ = dᵢ · Σ|xᵢ - b| / Σ|dᵢ|      (rescale: true)
      s  = sign of Σ wᵢ·dᵢ, + for a sum of zero
      mix = Σ wᵢ·dᵢ over the models with sign(wᵢ·dᵢ) = s
      out = b + λ·mix / Σ wᵢ of those models      (normalize: true)
      out = b + λ·mix                             (normalize: false)

      semantics: paper   each element of dᵢ is divided by its p instead; s = sign of Σ dᵢ, none
                         for zero
      """,
    goodFor: """
      As dare_ties, where the larger changes are to survive more often than the smaller ones.
      """,
    base: .required,
    models: 1...Int.max,
    parameters: TaskVectorParameters.all(normalize: true, rescale: true)
      + [TaskVectorParameters.epsilon, TaskVectorSemantics.parameter(.mergekit, .paper)],
    source: "https://arxiv.org/abs/2406.11617",
    differences: [
      """
      What is dropped depends on the seed, the model's place, the tensor's name, the element and \
      its rank only; it is the same on every machine. Without --seed the seed is 0.
      """,
      """
      Of equal magnitudes the one of lowest index counts as the largest, and ranks are exact. \
      mergekit takes any order, and in bfloat16 thousands of columns share a few hundred ranks.
      """,
      "In vectors of one element it is kept with probability density; mergekit aborts.",
      "A density and an epsilon that do not go together are found before any weight is read.",
      "Weights, factors and intermediate results are not rounded to the type of the tensors.",
    ],
    example: """
      merge_method: della
      base_model: ./base
      models:
        - model: ./math
          parameters: {weight: 0.8, density: 0.5}
        - model: ./code
          parameters: {weight: 0.8, density: 0.5}
      """)
}
