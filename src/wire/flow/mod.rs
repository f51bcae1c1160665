//! Conversations: the flow table, TCP streams, recognition.
