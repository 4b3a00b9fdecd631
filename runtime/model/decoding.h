// Tokens behind cached texts, one for each of them at a time, as a device does it fastest: what it is asked for a token
// is what it was asked for the last, so it is recorded once and repeated, and all that is wanted of a token comes to
// the host in one transfer.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "runtime/model/forward.h"

namespace stemma {

class Decoding {
 public:
  explicit Decoding(Workspace& work) : work_(work) {}  // which is kept, and may be used for other work in between

  // Reads ids[i] as the next token of caches[i]; returns the logits of what follows it, (n,V). `sites` are in the order
  // of sites_of. What is returned is on the host, and valid until the next step.
  std::span<const float> step(const std::vector<int32_t>& ids, std::span<KeyValueCache* const> caches,
                              const std::vector<Site>& sites = {});
  // Of the latest step: sites[i] (n, width_of the site).
  const float* values(size_t i) const { return host_.data() + places_[i]; }

 private:
  void begin(std::span<KeyValueCache* const> caches, const std::vector<Site>& sites);

  Workspace& work_;
  std::vector<KeyValueCache*> caches_;  // of the latest step, as
  std::vector<Site> sites_;
  std::vector<int64_t> places_;  // of the sites' values in what comes to the host, behind the logits
  Buffer made_;                  // that, on the device, (1, numbers)
  std::vector<float> host_;
  std::unique_ptr<Ops::Recording> recording_;
};

}  // namespace stemma
