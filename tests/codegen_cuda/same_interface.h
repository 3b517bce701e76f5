// Whether a declaration of ours and one of a vendor's header are the same function to a caller.
#pragma once

#include <type_traits>

namespace striate {

// Parameters that are passed alike: both pointers, or both numbers (enumerations among them) of one size.
template <typename Ours, typename Theirs>
constexpr bool
    kSameParameter = sizeof(Ours) == sizeof(Theirs) &&
                     std::is_pointer_v<Ours> == std::is_pointer_v<Theirs>&& std::is_floating_point_v<Ours> ==
                         std::is_floating_point_v<Theirs>;

template <typename Ours, typename Theirs>
constexpr bool kSameInterface = false;
template <typename R, typename S, typename... Ours, typename... Theirs>
constexpr bool kSameInterface<R (*)(Ours...), S (*)(Theirs...)> = [] {
  if constexpr (sizeof...(Ours) != sizeof...(Theirs))
    return false;
  else
    return kSameParameter<R, S> && (kSameParameter<Ours, Theirs> && ...);
}();

} // namespace striate
