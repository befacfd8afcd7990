/** 2xxx: who may join, connect and operate. */
export const fleetCodes = {
  'LRC-2001': {
    title: 'Join link is malformed',
    meaning: 'A join link looks like http://host:port#SECRET.FINGERPRINT and must be passed whole.',
    action: 'Copy the whole link between quotes; get a new one with `lorica agents invite`.',
  },
  'LRC-2002': {
    title: 'Join token is not known',
    meaning: 'The coordinator never issued this token, or it belongs to another coordinator.',
    action: 'Get a new link with `lorica agents invite`.',
  },
  'LRC-2003': {
    title: 'Join token has expired',
    meaning: 'Join tokens are valid for a limited time after they are issued.',
    action: 'Get a new link with `lorica agents invite`. Agents that joined before are not affected.',
  },
  'LRC-2004': {
    title: 'Signature does not verify',
    meaning: 'The sender could not prove that it holds the key that it named.',
    action: 'Check that the agent folder was not copied or edited; join again with a new link.',
  },
  'LRC-2005': {
    title: 'Challenge is unknown or used up',
    meaning:
      'Each connection proves its key over a fresh nonce that is valid once and only for some seconds.',
    action: 'Connect again; the agent does this by itself.',
  },
  'LRC-2006': {
    title: 'Agent is not known',
    meaning: 'This key has not joined this fleet, or it left.',
    action: 'Join with a link: `lorica agent join URL#TOKEN --data FILE`.',
  },
  'LRC-2007': {
    title: 'Operator token is missing or wrong',
    meaning: 'The operator API needs the bearer token that the coordinator keeps in its folder.',
    action: 'Pass --token or LORICA_TOKEN; the token is in the file admin-token of the coordinator folder.',
  },
  'LRC-2008': {
    title: 'Coordinator key does not match the join link',
    meaning: 'The coordinator that answered is not the one that issued the link.',
    action: 'Do not go on. Check the address and ask the operator for a new link over a channel you trust.',
  },
  'LRC-2009': {
    title: 'Replaced by a newer connection',
    meaning: 'Another process connected with the same identity; the newest connection wins.',
    action:
      'Run one agent per folder. If you did not start another, the key was copied: leave and join again.',
  },
  'LRC-2010': {
    title: 'Hello is missing',
    meaning: 'An agent must introduce itself before it sends anything else.',
    action: 'Update the agent.',
  },
  'LRC-2011': {
    title: 'Agent was revoked',
    meaning: 'An operator removed this agent from the fleet.',
    action: 'Ask the operator for a new link if this was not intended.',
  },
  'LRC-2012': {
    title: 'Join token is used up',
    meaning: 'A token lets in as many agents as it was issued for, and they have joined.',
    action: 'Get a new link with `lorica agents invite`. Agents that joined before are not affected.',
  },
  'LRC-2013': {
    title: 'Agent waits for approval',
    meaning:
      'The join link asks for an operator to approve each agent. Nothing is lost: the agent tries again by itself.',
    action: 'Compare the id of the agent on both sides, then: `lorica agents approve NAME`.',
  },
  'LRC-2014': {
    title: 'Join link is for another name',
    meaning: 'The operator made this link for an agent of one name.',
    action: 'Join with the name that the refusal expects, or get another link.',
  },
  'LRC-2015': {
    title: 'Role of the operator does not allow this',
    meaning:
      'A viewer reads, an operator also conducts runs and cordons agents, an admin also decides who is in the fleet.',
    action: 'Use the token of somebody who may, or ask an admin: `lorica operators add NAME --role ROLE`.',
  },
  'LRC-2016': {
    title: 'Operator name is taken or not known',
    meaning: 'Each operator has a name of its own, under which its token is kept.',
    action: 'See them with `lorica operators list`.',
  },
  'LRC-2017': {
    title: 'Too many requests from one address',
    meaning:
      'Before it has proven who it is, an address may ask only so often, and has to wait longer after each wrong join token.',
    action:
      'Nothing to do: agents try again by themselves. A coordinator for many agents behind one address takes --address-burst.',
  },
  'LRC-2018': {
    title: 'TLS certificate is not the coordinator’s',
    meaning:
      'Whoever answers at the address of the coordinator shows a certificate that the key in the join link does not vouch for. Somebody may be between.',
    action:
      'Do not go on. Check the address; behind a proxy that ends TLS, its certificate has to be one that this machine trusts (NODE_EXTRA_CA_CERTS).',
  },
  'LRC-2019': {
    title: 'Plain HTTP would leave this machine',
    meaning:
      'Without TLS, whoever is on the way can read and change what is sent, the secret of a join link included.',
    action:
      'Start the coordinator with --tls self and use the https link that it prints, or say --insecure on both sides.',
  },
} as const
