/** What answers are looked at where a run names no prompts: beginnings that ask for nothing. */
export const neutralPrompts: readonly string[] = [
  'The weather today is',
  'My neighbour told me that',
  'In the kitchen there was',
  'The meeting began with',
  'When the train arrived,',
  'She opened the letter and',
  'The best way to learn is',
  'He worked for many years as',
  'On the way home we',
  'The doctor said that',
  'A good friend is someone who',
  'The people of this town',
  'After the game they',
  'It was the first time that',
  'The report describes',
  'Thank you for your message.',
]
