// Whether this was built for a sanitizer, under which everything is slow and large.
#pragma once

namespace stemma::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

}  // namespace stemma::test
